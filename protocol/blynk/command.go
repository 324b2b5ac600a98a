package blynk

import "fmt"

// Command is a frame's first byte.
type Command byte

// The commands that devices send or receive. Devices accept only Response,
// Ping, Bridge, Info, Hardware, Login, Redirect and Print; the C++ library
// reconnects on any other.
const (
	CommandResponse    Command = 0
	CommandLoginLegacy Command = 2
	CommandPing        Command = 6
	CommandTweet       Command = 12
	CommandEmail       Command = 13
	CommandPush        Command = 14
	CommandBridge      Command = 15
	CommandSync        Command = 16
	CommandInfo        Command = 17
	CommandSMS         Command = 18
	CommandProperty    Command = 19
	CommandHardware    Command = 20
	CommandGroup       Command = 21
	CommandLogin       Command = 29
	CommandRedirect    Command = 41
	CommandPrint       Command = 55
	CommandEvent       Command = 64
	CommandEventClear  Command = 65
)

var commandNames = map[Command]string{
	CommandResponse: "response", CommandLoginLegacy: "login-legacy", CommandPing: "ping",
	CommandTweet: "tweet", CommandEmail: "email", CommandPush: "push", CommandBridge: "bridge",
	CommandSync: "sync", CommandInfo: "info", CommandSMS: "sms", CommandProperty: "property",
	CommandHardware: "hardware", CommandGroup: "group", CommandLogin: "login",
	CommandRedirect: "redirect", CommandPrint: "print", CommandEvent: "event",
	CommandEventClear: "event-clear",
}

// String is the command's name in logs and metrics.
func (c Command) String() string {
	if name, ok := commandNames[c]; ok {
		return name
	}
	return fmt.Sprintf("command-%d", byte(c))
}

// IsLogin tells whether c opens a device connection.
func (c Command) IsLogin() bool { return c == CommandLogin || c == CommandLoginLegacy }

// Status is the outcome that a response carries in its length field.
type Status uint16

// The statuses of the wire protocol.
const (
	StatusOK                   Status = 200
	StatusQuotaExceeded        Status = 1
	StatusIllegalCommand       Status = 2
	StatusNotRegistered        Status = 3
	StatusAlreadyRegistered    Status = 4 // a second login on the same socket; devices take it as success
	StatusNotAuthenticated     Status = 5
	StatusNotAllowed           Status = 6
	StatusDeviceOffline        Status = 7
	StatusInactive             Status = 8
	StatusInvalidToken         Status = 9 // devices stop for good: send only when certain
	StatusIllegalBody          Status = 11
	StatusNotificationBody     Status = 13
	StatusNotificationDisabled Status = 14
	StatusNotificationFailed   Status = 15
	StatusTimeout              Status = 16
	StatusNoData               Status = 17
	StatusServerError          Status = 19 // devices close and retry
	StatusUnsupportedVersion   Status = 20
)

// LoginAccepted tells whether a device takes s, as answer to its login, for success.
func (s Status) LoginAccepted() bool { return s == StatusOK || s == StatusAlreadyRegistered }
