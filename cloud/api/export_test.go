package api

import "time"

// SetHeartbeat changes how often streams give a sign of life, before the first.
func (a *API) SetHeartbeat(every time.Duration) { a.heartbeat = every }
