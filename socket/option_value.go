package socket

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// notTaken marks a number, 0 or -1, that an option does not take.
const notTaken = math.MinInt64

// numberRange maps libzmq's numbers to a numeric field of Config and back.
type numberRange struct {
	unit time.Duration // libzmq's unit when the field is a time.Duration; 0 otherwise
	max  int64         // the largest number
	def  int64         // the number that a field of 0 stands for
	zero int64         // the field for 0, or notTaken
	neg  int64         // the field for -1, or notTaken
	step int64         // numbers are read back as multiples of it, rounded down; 0: as they are
}

// toField returns the value of the field for value: any kind of integer in libzmq's unit, a string that holds one, a
// time.Duration or a string in its notation where the option is a time, a bool where the largest number is 1.
func (n numberRange) toField(value any) (int64, error) {
	v, unit, err := n.parse(value)
	switch {
	case err != nil:
		return 0, err
	case v == 0 && n.zero != notTaken:
		return n.zero, nil
	case v == Unlimited && n.neg != notTaken:
		return n.neg, nil
	}
	most := n.max
	if unit == 1 {
		most *= max(int64(n.unit), 1)
	}
	if v <= 0 || v > most {
		return 0, fmt.Errorf("%v is out of range, want %s", value, n)
	}
	return v * unit, nil
}

// parse returns value as a multiple of a unit: 1 for plain numbers and times, which count in nanoseconds, and else
// libzmq's unit.
func (n numberRange) parse(value any) (v, unit int64, err error) {
	text, isText := value.(string)
	if isText && n.unit > 0 {
		if d, err := time.ParseDuration(strings.TrimSpace(text)); err == nil {
			value = d
		}
	}
	switch x := value.(type) {
	case time.Duration:
		if n.unit == 0 {
			return 0, 0, fmt.Errorf("%v is a time, want %s", x, n)
		}
		return int64(x), 1, nil
	case bool:
		if n.max != 1 {
			return 0, 0, fmt.Errorf("%v is not a number, want %s", x, n)
		}
	}
	v, ok := toInt(value)
	if !ok {
		return 0, 0, fmt.Errorf("%#v is not a number in range, want %s", value, n)
	}
	return v, max(int64(n.unit), 1), nil
}

// fromField returns libzmq's number for the value of a field.
func (n numberRange) fromField(field int64) int {
	switch {
	case field == 0:
		field = n.def
	case field == None, field == Unlimited && n.neg == notTaken:
		field = 0
	case field == Unlimited:
	case n.unit > 0:
		if n.step > 0 {
			field -= field % (n.step * int64(n.unit))
		}
		// Rounded up: a time below one unit must not read as 0, which has another meaning.
		whole := field / int64(n.unit)
		if field%int64(n.unit) > 0 {
			whole++
		}
		field = whole
	}
	return int(min(field, math.MaxInt))
}

// String says which numbers there are, for error messages.
func (n numberRange) String() string {
	least, unit := 1, ""
	if n.zero != notTaken {
		least = 0
	}
	switch n.unit {
	case time.Millisecond:
		unit = " ms"
	case time.Second:
		unit = " s"
	}
	s := fmt.Sprintf("%d to %d%s", least, n.max, unit)
	if n.neg != notTaken {
		s += " or -1"
	}
	return s
}

// toInt reads any kind of integer, a bool as 0 or 1, or a string that holds a decimal number.
func toInt(value any) (int64, bool) {
	v := reflect.ValueOf(value)
	switch {
	case !v.IsValid():
		return 0, false
	case v.CanInt():
		return v.Int(), true
	case v.CanUint():
		return int64(v.Uint()), v.Uint() <= math.MaxInt64
	case v.Kind() == reflect.Bool && v.Bool():
		return 1, true
	case v.Kind() == reflect.Bool:
		return 0, true
	case v.Kind() == reflect.String:
		n, err := strconv.ParseInt(strings.TrimSpace(v.String()), 10, 64)
		return n, err == nil
	}
	return 0, false
}

// toBool reads a switch: a bool, "true" or "false", or a number between least and most, of which only 0 is off.
func toBool(value any, least, most int64) (bool, error) {
	if s, ok := value.(string); ok {
		switch strings.ToLower(strings.TrimSpace(s)) {
		case "true":
			return true, nil
		case "false":
			return false, nil
		}
	}
	_, isTime := value.(time.Duration)
	n, ok := toInt(value)
	if !ok || isTime || n < least || n > most {
		return false, fmt.Errorf("%#v is no switch, want 0 or 1", value)
	}
	return n != 0, nil
}

// toBytes reads a string or a slice of bytes, which is copied.
func toBytes(value any) (string, error) {
	switch v := value.(type) {
	case string:
		return v, nil
	case []byte:
		return string(v), nil
	}
	return "", fmt.Errorf("%#v (%T), want a string or bytes", value, value)
}

func fromBool(v bool) any {
	if v {
		return 1
	}
	return 0
}
