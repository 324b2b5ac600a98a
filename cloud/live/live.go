// Package live fans changes out to whoever watches, in this process. It keeps
// nothing: a subscriber sees what is published after it subscribed. It knows
// nothing of what it carries; topics and keys are the publishers'.
package live

import (
	"context"
	"errors"
	"sync"
)

// ErrClosed says that a subscription was closed.
var ErrClosed = errors.New("live: the subscription is closed")

// Message is one change on a topic.
type Message struct {
	// Key names what changed; a newer message with the same key replaces an
	// older one that the subscriber hasn't taken yet.
	Key  string
	Data any
}

// Hub connects publishers and subscribers; all methods may be called at once.
type Hub struct {
	mu     sync.RWMutex
	topics map[string]map[*Subscription]struct{}
}

// NewHub makes an empty hub.
func NewHub() *Hub { return &Hub{topics: map[string]map[*Subscription]struct{}{}} }

// Publish hands a message to the topic's subscribers. It never waits for them.
func (h *Hub) Publish(topic, key string, data any) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for s := range h.topics[topic] {
		s.put(key, data)
	}
}

// Subscribe watches a topic until the subscription is closed.
func (h *Hub) Subscribe(topic string) *Subscription {
	s := &Subscription{hub: h, topic: topic, pending: map[string]any{}, wake: make(chan struct{}, 1), closed: make(chan struct{})}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.topics[topic] == nil {
		h.topics[topic] = map[*Subscription]struct{}{}
	}
	h.topics[topic][s] = struct{}{}
	return s
}

// Subscription is one watcher of one topic. What it holds is bounded by the
// number of different keys, however slow its reader is.
type Subscription struct {
	hub    *Hub
	topic  string
	once   sync.Once
	closed chan struct{}
	wake   chan struct{} // holds one token while there is something to take

	mu      sync.Mutex
	order   []string
	pending map[string]any
}

func (s *Subscription) put(key string, data any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, waits := s.pending[key]; !waits {
		s.order = append(s.order, key)
	}
	s.pending[key] = data
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *Subscription) take() (Message, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.order) == 0 {
		s.order = nil
		return Message{}, false
	}
	key := s.order[0]
	s.order = s.order[1:]
	m := Message{key, s.pending[key]}
	delete(s.pending, key)
	return m, true
}

// Next waits for the next message: the error is ctx's, or ErrClosed. It is for
// one caller at a time.
func (s *Subscription) Next(ctx context.Context) (Message, error) {
	for {
		if m, ok := s.take(); ok {
			return m, nil
		}
		select {
		case <-s.wake:
		case <-s.closed:
			return Message{}, ErrClosed
		case <-ctx.Done():
			return Message{}, ctx.Err()
		}
	}
}

// Close ends the subscription; it may be called more than once.
func (s *Subscription) Close() {
	s.once.Do(func() {
		s.hub.mu.Lock()
		defer s.hub.mu.Unlock()
		delete(s.hub.topics[s.topic], s)
		if len(s.hub.topics[s.topic]) == 0 {
			delete(s.hub.topics, s.topic)
		}
		close(s.closed)
	})
}

// DeviceTopic carries a device's values (key: the pin) and presence (key: "presence").
func DeviceTopic(deviceID string) string { return "device/" + deviceID }

// AttemptTopic says that a provisioning's timeline grew (key: "timeline").
func AttemptTopic(attemptID string) string { return "provisioning/" + attemptID }
