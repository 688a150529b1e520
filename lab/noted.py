"""What the lab's AWS provider notes because moto does not know it, for those parts of the lab that go by it."""

NOTED = "unsupported-by-moto.json"
"""The file, in LAB_STATE_DIR: kind → key → inputs and outputs."""
POD_IDENTITIES = "EKS pod identity associations"
"""A kind; its keys are `REGION CLUSTER:NAMESPACE:SERVICE_ACCOUNT`."""
