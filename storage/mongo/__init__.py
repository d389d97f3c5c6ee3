"""The MongoDB engine of the store: `open_mongo`."""

from storage.mongo.store import MongoOptions, MongoStore, open_mongo

__all__ = ["MongoOptions", "MongoStore", "open_mongo"]
