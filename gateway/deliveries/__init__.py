"""What follows from commits, told to others: at least once, in order, without any write waiting."""
