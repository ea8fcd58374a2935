"""What the gateway says of itself: metrics and logs."""
