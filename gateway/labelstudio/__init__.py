"""What this gateway asks of a Label Studio. It reads only."""
