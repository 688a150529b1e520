"""What `make lab` tells, measures and reports."""
