"""What a promotion's steps do in the world: a file each, of the same name as in `recovery/failover/steps/`."""
