"""labelgate: the S3 endpoint that turns every saved label into a commit."""

__version__ = "0.1.0"
