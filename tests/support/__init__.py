"""What several test files share: fakes, simulators, sites, fixtures. No tests."""
