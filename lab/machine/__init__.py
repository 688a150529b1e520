"""This machine: addresses, processes, programs, Pulumi's engine, one lab at a time."""
