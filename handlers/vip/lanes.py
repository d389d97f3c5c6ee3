"""The names of the lanes. All that concerns one thing is in one lane, and happens there one by one."""

from __future__ import annotations


def lane_of(channel_id: str, viewer_id: str) -> str:
    """The lane of everything that concerns one viewer's VIP in one channel."""
    return f"vip:{channel_id}:{viewer_id}"


def rewards_lane(channel_id: str) -> str:
    """The lane of what changes a channel's rewards on Twitch."""
    return f"rewards:{channel_id}"


def stream_lane(channel_id: str) -> str:
    """The lane of whether a channel is on air."""
    return f"stream:{channel_id}"


def grace_lane(channel_id: str) -> str:
    """The lane in which the end of a stream waits for whether it comes back."""
    return f"stream-over:{channel_id}"


def chat_in_lane(channel_id: str, viewer_id: str) -> str:
    """The lane of what one viewer writes to us in a channel's chat."""
    return f"chat-in:{channel_id}:{viewer_id}"
