"""The DR site's databases, and the guard before a site's primary."""
