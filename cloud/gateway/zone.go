package gateway

import (
	"fmt"
	"sort"
	"strings"
	"sync"
	"time"
)

// offsets are what a zone is ahead of UTC at t without daylight saving time, and
// what that adds at t, in seconds.
func offsets(t time.Time) (standard, saving int) {
	_, offset := t.Zone()
	if !t.IsDST() {
		return offset, 0
	}
	if next, ok := nextChange(t); ok && !next.IsDST() {
		_, standard = next.Zone()
		return standard, offset - standard
	}
	return offset, 0
}

const week = 7 * 24 * time.Hour

// nextChange is when the zone's offset changes next, within about a year. It looks
// at the zone's time each week rather than ask Time.ZoneBounds, which also ends a
// zone with the year and, on the last day of leap years, at the time itself.
func nextChange(t time.Time) (time.Time, bool) {
	_, before := t.Zone()
	same := func(t time.Time) bool {
		_, offset := t.Zone()
		return offset == before
	}
	after := t.Truncate(time.Second)
	for range 54 {
		start := after
		if after = after.Add(week); same(after) {
			continue
		}
		seconds := sort.Search(int(week/time.Second), func(i int) bool { return !same(start.Add(time.Duration(i) * time.Second)) })
		return start.Add(time.Duration(seconds) * time.Second), true
	}
	return time.Time{}, false
}

// ruleYear is after all changes that zone data lists one by one, so that the
// rules for all years to come are seen at work. ruleYears hold every combination
// of weekday and leap year.
const (
	ruleYear  = 2400
	ruleYears = 28
)

// posixRules has the rules that were asked for, by the zone's name: no more than
// there are zones.
var posixRules sync.Map

// posixRule is the zone's rule for years to come as POSIX writes it in TZ
// (IEEE 1003.1, chapter 8.3), as in "CET-1CEST,M3.5.0,M10.5.0/3".
func posixRule(zone *time.Location) string {
	if rule, ok := posixRules.Load(zone.String()); ok {
		return rule.(string)
	}
	rule := findPosixRule(zone)
	posixRules.Store(zone.String(), rule)
	return rule
}

// findPosixRule finds the rule in the changes that it makes: Go keeps that of the
// zone data to itself.
func findPosixRule(zone *time.Location) string {
	var starts, ends []change // of daylight saving time
	at := time.Date(ruleYear, 1, 1, 0, 0, 0, 0, zone)
	standard := at
	for limit := at.AddDate(ruleYears, 0, 0); at.Before(limit); {
		if !at.IsDST() {
			standard = at
		}
		next, ok := nextChange(at)
		if !ok {
			break
		}
		_, before := at.Zone()
		one := change{at: next, wall: next.UTC().Add(time.Duration(before) * time.Second)}
		if next.IsDST() {
			starts = append(starts, one)
		} else {
			ends = append(ends, one)
		}
		at = next
	}
	name, offset := standard.Zone()
	rule := posixName(name) + posixTime(-offset)
	start, startOK := yearly(starts)
	end, endOK := yearly(ends)
	if !startOK || !endOK {
		return rule
	}
	name, saving := starts[0].at.Zone()
	rule += posixName(name)
	if saving != offset+3600 {
		rule += posixTime(-saving)
	}
	return rule + "," + start + "," + end
}

// change is one change of a zone's offset, at an instant and at what clocks on the
// wall showed until then.
type change struct{ at, wall time.Time }

// yearly finds the rule Mm.w.d[/time] that gives all changes. The rule's day may
// be some days from the change's: "26 hours after the fourth Thursday begins".
func yearly(changes []change) (rule string, ok bool) {
	for _, shift := range []int{0, 1, -1, 2, -2, 3, -3} {
		if rule, ok = yearlyOn(changes, shift); ok {
			return rule, true
		}
	}
	return "", false
}

func yearlyOn(changes []change, shift int) (rule string, ok bool) {
	if len(changes) == 0 {
		return "", false
	}
	var first time.Time
	var seconds int
	sameWeek, last := true, true
	for i, one := range changes {
		day := one.wall.AddDate(0, 0, -shift)
		second := day.Hour()*3600 + day.Minute()*60 + day.Second() + shift*24*3600
		if i == 0 {
			first, seconds = day, second
		}
		if second < -12*3600 || day.Month() != first.Month() || day.Weekday() != first.Weekday() || second != seconds {
			return "", false
		}
		sameWeek = sameWeek && (day.Day()-1)/7 == (first.Day()-1)/7
		last = last && day.AddDate(0, 0, 7).Month() != day.Month()
	}
	week := (first.Day()-1)/7 + 1
	switch {
	case last:
		week = 5
	case !sameWeek:
		return "", false
	}
	rule = fmt.Sprintf("M%d.%d.%d", first.Month(), week, first.Weekday())
	if seconds != 2*3600 {
		rule += "/" + posixTime(seconds)
	}
	return rule, true
}

func posixName(name string) string {
	letter := func(r rune) bool { return 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' }
	if strings.ContainsFunc(name, func(r rune) bool { return !letter(r) }) {
		return "<" + name + ">"
	}
	return name
}

// posixTime writes seconds as [-]h[:mm[:ss]].
func posixTime(seconds int) string {
	sign := ""
	if seconds < 0 {
		sign, seconds = "-", -seconds
	}
	out := fmt.Sprintf("%s%d", sign, seconds/3600)
	if rest := seconds % 3600; rest != 0 {
		out += fmt.Sprintf(":%02d", rest/60)
		if rest%60 != 0 {
			out += fmt.Sprintf(":%02d", rest%60)
		}
	}
	return out
}
