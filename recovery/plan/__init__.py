"""The plan (recovery.yaml): its fields, its rules, how it is read and worded."""
