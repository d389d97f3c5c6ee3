"""Topics of a fleet: a log in Redis, written by one script, heard over pub/sub and filled up from the log itself."""

from gateways.topics.redis.topics import RedisTopics

__all__ = ["RedisTopics"]
