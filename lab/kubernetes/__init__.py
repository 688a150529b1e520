"""Kubernetes of one site: a real control plane, and a node agent that runs Pods as processes of this machine."""
