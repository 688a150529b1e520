"""What an AWS account really holds, beside what the stacks declare. Reads only."""
