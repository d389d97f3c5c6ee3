"""Programs that only the tests of the deployment want, under the rules of `tests/support/need.py`."""

from __future__ import annotations

from tests.support.need import TOOLS, need

TOOLS.update(
    {
        "nginx": (("nginx", "/usr/sbin/nginx"), "sudo apt-get install nginx-light"),
        "caddy": (("caddy",), "sudo apt-get install caddy"),
        "systemd-analyze": (("systemd-analyze",), "sudo apt-get install systemd"),
        "promtool": (("promtool",), "sudo apt-get install prometheus"),
    }
)

__all__ = ["need"]
