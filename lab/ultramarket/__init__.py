"""What UltraMarket already runs: its database, services, production site and customers."""
