# SPDX-License-Identifier: GPL-3.0-or-later
"""The default texts of the three files, as Jinja2 templates. Order and form are Docker's."""
from __future__ import annotations

HOSTS_TEMPLATE = """\
127.0.0.1	localhost
{% if ipv6 %}
::1	localhost ip6-localhost ip6-loopback
fe00::0	ip6-localnet
ff00::0	ip6-mcastprefix
ff02::1	ip6-allnodes
ff02::2	ip6-allrouters
{% endif %}
{% for link in links %}
{{ link.address }}	{{ link.names | join(' ') }}
{% endfor %}
{% for host in extra_hosts %}
{{ host.address }}	{{ host.name }}
{% endfor %}
{% for address in addresses if names %}
{{ address }}	{{ names | join(' ') }}
{% endfor %}
"""

HOSTNAME_TEMPLATE = """\
{{ hostname }}
"""

RESOLV_CONF_TEMPLATE = """\
{% for server in nameservers %}
nameserver {{ server }}
{% endfor %}
{% if search %}
search {{ search | join(' ') }}
{% endif %}
{% if options %}
options {{ options | join(' ') }}
{% endif %}
"""
