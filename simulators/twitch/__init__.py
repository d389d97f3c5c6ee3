"""A Twitch to develop, test and measure against: Helix, id.twitch.tv and EventSub on one real port.

`TwitchSimulator` runs it inside a test, `python -m simulators.twitch` as a program. What it answers and
why stands in CODES.md beside this file.
"""

from simulators.twitch.server import TwitchSimulator
from simulators.twitch.settings import SimulatorSettings

__all__ = ["SimulatorSettings", "TwitchSimulator"]
