# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of Sphinx for ``./run docs``: the pages of the project, and the reference that antsibull-docs makes."""
project = title = html_short_title = "mooring.net"
copyright = "The mooring.net developers"  # pylint: disable=redefined-builtin
extensions = ["myst_parser", "sphinx_antsibull_ext"]
myst_heading_anchors = 3
html_theme = "sphinx_ansible_theme"
html_theme_options = {"display_version": False, "topbar_links": {}}
html_show_sphinx = html_copy_source = html_use_modindex = html_use_index = False
pygments_style = "ansible"
highlight_language = "text"
exclude_patterns = ["reference/environment_variables.rst"]
# Links to files that are no pages (LICENSE, a playbook), and into the documentation of others, which is not fetched.
suppress_warnings = ["misc.highlighting_failure", "myst.xref_missing", "ref.ref"]
