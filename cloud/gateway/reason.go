package gateway

import "github.com/prometheus/client_golang/prometheus"

// reason is why a connection was closed, as the metric's label.
type reason string

const (
	reasonNoLogin      reason = "first_frame_no_login"
	reasonLoginTooLong reason = "login_body_too_long"
	reasonBodyTooLong  reason = "body_too_long"
	reasonRefused      reason = "login_refused"
	reasonLoginTimeout reason = "login_timeout"
	reasonSilent       reason = "heartbeat_lost"
	reasonTakenOver    reason = "taken_over"
	reasonRevoked      reason = "revoked"
	reasonSlow         reason = "slow_reader"
	reasonProtocol     reason = "protocol" // a WebSocket message that carries no frames
	reasonShutdown     reason = "shutdown"
	reasonPeer         reason = "peer_closed"
	reasonInternal     reason = "internal" // our own fault
)

var reasons = []reason{
	reasonNoLogin, reasonLoginTooLong, reasonBodyTooLong, reasonRefused, reasonLoginTimeout, reasonSilent,
	reasonTakenOver, reasonRevoked, reasonSlow, reasonProtocol, reasonShutdown, reasonPeer, reasonInternal,
}

type metrics struct {
	closes  map[reason]prometheus.Counter
	dropped prometheus.Counter
}

func newMetrics(registerer prometheus.Registerer, registry *Registry) *metrics {
	closes := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "tendril_gateway_closed_total",
		Help: "Device connections closed, by reason.",
	}, []string{"reason"})
	m := &metrics{
		closes: map[reason]prometheus.Counter{},
		dropped: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tendril_gateway_frames_dropped_total",
			Help: "Frames dropped because their device sent too many.",
		}),
	}
	for _, r := range reasons {
		m.closes[r] = closes.WithLabelValues(string(r)) // so that each is there from the start, at 0
	}
	registerer.MustRegister(closes, m.dropped, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "tendril_gateway_devices",
		Help: "Devices that are logged in.",
	}, func() float64 { return float64(registry.Count()) }))
	return m
}

func (m *metrics) closed(why reason) { m.closes[why].Inc() }
