"""What the review must not print: found when a preview is read, and replaced before anything is compared."""
