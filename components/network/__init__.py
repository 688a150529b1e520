"""The network of the DR site: ranges, peering, who may talk to whom."""
