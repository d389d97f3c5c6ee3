"""All that Cuelight calls: topics, Twitch, the outbound HTTP client."""
