"""The S3 service: one file per operation family over the Store protocol. A bare ASGI app."""
