"""The whole thing on one machine: what surrounds our stacks, and the story that `make lab` tells."""
