//go:build race

package main

// raceFlag lets the program be checked as its tests are.
var raceFlag = []string{"-race"}
