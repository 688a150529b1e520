"""What the rules and scripts need from outside systems, one narrow Protocol each, in the file of that system.

Implementations are in `cloud` and `engines`; small fakes for unit tests in `tests/support/fakes.py`. Whatever does not
answer raises `Unreachable`.
"""
