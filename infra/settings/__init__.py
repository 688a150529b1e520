"""What each stack's configuration says, checked as a whole before anything is declared."""
