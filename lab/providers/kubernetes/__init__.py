"""`pulumi-resource-kubernetes` of the lab: any kind, by server-side apply."""
