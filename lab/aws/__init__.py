"""AWS's stand-in: one moto process behind a front per place, rules that cut regions off, and S3's replicator."""
