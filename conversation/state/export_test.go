package state

// Enqueue is for tests of what nothing sends yet.
var Enqueue = enqueue
