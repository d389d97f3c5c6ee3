"""Twitch: the EventSub session and its socket, subscriptions, Helix, OAuth tokens."""
