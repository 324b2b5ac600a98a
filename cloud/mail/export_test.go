package mail

import "time"

// SetDrain sets for how long Run goes on when it is told to end.
func (s *Sender) SetDrain(d time.Duration) { s.drain = d }
