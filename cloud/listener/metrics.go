package listener

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Why a connection was refused, as the metric's label says it.
const (
	refusedStrangers = "strangers"             // over MaxStrangers
	refusedAddress   = "strangers_per_address" // over MaxStrangersPerAddress
	refusedSilent    = "silent"                // left or said nothing in time
	refusedHandshake = "handshake"             // no TLS, or none that we speak
	refusedBusy      = "busy"                  // too many handshakes came before it
)

// metrics are nil-safe where a listener may end before it has them.
type metrics struct {
	registry     prometheus.Registerer
	collectors   []prometheus.Collector
	refused      *prometheus.CounterVec
	connections  *prometheus.CounterVec
	acceptErrors prometheus.Counter
}

func newMetrics(registry prometheus.Registerer, crowd *crowd) (*metrics, error) {
	m := &metrics{
		registry: registry,
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tendril_listener_refused_total", Help: "Connections closed before they reached a protocol, by reason.",
		}, []string{"reason"}),
		connections: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "tendril_listener_connections_total", Help: "Connections handed over, by port (plain, tls) and protocol (device, http).",
		}, []string{"port", "protocol"}),
		acceptErrors: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "tendril_listener_accept_errors_total", Help: "Failures to accept a connection, such as running out of file descriptors.",
		}),
	}
	strangers := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "tendril_listener_strangers", Help: "Open connections that have not logged in, HTTP among them.",
	}, func() float64 { return float64(crowd.size()) })
	for _, reason := range []string{refusedStrangers, refusedAddress, refusedSilent, refusedHandshake, refusedBusy} {
		m.refused.WithLabelValues(reason) // at 0 from the start
	}
	if registry == nil {
		return m, nil
	}
	for _, one := range []prometheus.Collector{m.refused, m.connections, m.acceptErrors, strangers} {
		if err := registry.Register(one); err != nil {
			m.unregister()
			return m, errors.Join(errors.New("listener: metrics"), err)
		}
		m.collectors = append(m.collectors, one)
	}
	return m, nil
}

// unregister lets a later listener of the same process use the same registry.
func (m *metrics) unregister() {
	if m == nil {
		return
	}
	for _, one := range m.collectors {
		m.registry.Unregister(one)
	}
}

func (m *metrics) refuse(reason string) { m.refused.WithLabelValues(reason).Inc() }

func (m *metrics) handedOver(port, protocol string) {
	m.connections.WithLabelValues(port, protocol).Inc()
}
