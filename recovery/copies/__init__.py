"""Copies: what describes them, how long they are kept and locked, which may go."""
