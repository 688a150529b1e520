package eviction

import v1 "k8s.io/api/core/v1"

// Reason is what the kubelet writes into the status of a Pod that it evicted.
const Reason = "Evicted"

// PodIsEvicted is all that the controller manager needs of the kubelet.
func PodIsEvicted(status v1.PodStatus) bool {
	return status.Phase == v1.PodFailed && status.Reason == Reason
}
