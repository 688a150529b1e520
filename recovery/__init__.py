"""Rules of recovery, for every other room: no I/O, no clock, no SDK."""
