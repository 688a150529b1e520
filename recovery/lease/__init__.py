"""Who may write: the site lease, and when a guard opens or closes its gate."""
