"""S3 as pure functions and plain values: no socket, no ASGI, no store, no clock."""
