// Package imports holds the test that keeps the module's imports going one way:
//
//	cmd -> bus -> reactor -> {poller, socket} -> monitor -> internal
//
// Skipping rightwards is fine, leftwards never, and poller and socket do not import each other. The test also
// keeps cgo out of the main module.
package imports
