package bench

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tendril-iot/tendril/protocol/blynk"
)

// hello is how devices greet a TLS server.
type hello string

const (
	noTLS hello = "plain"
	// chipHello is what ESP8266 and ESP32 boards say: TLS 1.2, no post-quantum key.
	chipHello hello = "TLS"
	// goHello is Go's own: TLS 1.3, and with its post-quantum key over 1 KB long.
	goHello hello = "TLS-post-quantum"
)

// crowdOrder is for devices First to First+Count-1.
type crowdOrder struct {
	Address, CAFile string
	Hello           hello
	First, Count    int
	// Abreast is how many connect at once; 0 is all.
	Abreast int
}

// crowdLogins tells how long after the beginning each device was logged in. A
// device that was turned away or cut off has tried again, a second or two later.
type crowdLogins struct {
	After    []time.Duration
	Tries    int
	Computed time.Duration // processor time that the devices took for it
}

// crowdRole is devices that log in, say what they are, and stay. The second
// question is when to begin, the third whether they all are still there.
func crowdRole(in *json.Decoder, out *json.Encoder) error {
	var order crowdOrder
	if err := in.Decode(&order); err != nil {
		return err
	}
	c := crowd{order: order}
	if order.Hello != noTLS {
		if err := c.trust(); err != nil {
			return err
		}
	}
	if err := out.Encode(struct{}{}); err != nil {
		return err
	}
	var began time.Time
	if err := in.Decode(&began); err != nil {
		return err
	}
	logins, err := c.connect(began)
	if err != nil {
		return err
	}
	for {
		if err := out.Encode(logins); err != nil {
			return err
		}
		if err := in.Decode(&struct{}{}); err != nil {
			return err
		}
		if lost := c.lost.Load(); lost > 0 {
			return fmt.Errorf("%d of %d devices lost the cloud", lost, order.Count)
		}
	}
}

type crowd struct {
	order crowdOrder
	tls   *tls.Config
	conns []net.Conn // if there is room, the devices' connections go there
	tries atomic.Int64
	lost  atomic.Int64
}

func (c *crowd) trust() error {
	pem, err := os.ReadFile(c.order.CAFile)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return fmt.Errorf("%s holds no certificate", c.order.CAFile)
	}
	c.tls = &tls.Config{RootCAs: roots, ServerName: "localhost"}
	if c.order.Hello == chipHello {
		c.tls.MaxVersion = tls.VersionTLS12
		c.tls.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP256}
	}
	return nil
}

// connectPatience is how long a device keeps trying.
const connectPatience = time.Minute

func (c *crowd) connect(began time.Time) (crowdLogins, error) {
	abreast := c.order.Abreast
	if abreast == 0 {
		abreast = c.order.Count
	}
	turns := make(chan struct{}, abreast)
	after := make([]time.Duration, c.order.Count)
	failures := make([]error, c.order.Count)
	var connecting sync.WaitGroup
	for i := range c.order.Count {
		turns <- struct{}{}
		connecting.Go(func() {
			defer func() { <-turns }()
			var at time.Time
			var conn net.Conn
			if conn, at, failures[i] = c.persist(token(c.order.First + i)); failures[i] == nil {
				after[i] = at.Sub(began)
				if c.conns != nil {
					c.conns[i] = conn
				} else {
					go c.stay(conn)
				}
			}
		})
	}
	connecting.Wait()
	return crowdLogins{after, int(c.tries.Load()), computed()}, errors.Join(failures...)
}

// persist tries as a device does, until it is logged in.
func (c *crowd) persist(token string) (conn net.Conn, at time.Time, err error) {
	for deadline := time.Now().Add(connectPatience); ; {
		c.tries.Add(1)
		if conn, at, err = c.logIn(token, deadline); err == nil || time.Now().After(deadline) {
			return conn, at, err
		}
		<-time.After(time.Second + rand.N(time.Second))
	}
}

// logIn has a device online; its connection stays until it is cut.
func (c *crowd) logIn(token string, deadline time.Time) (conn net.Conn, at time.Time, err error) {
	conn, err = net.DialTimeout("tcp", c.order.Address, time.Until(deadline))
	if err != nil {
		return nil, at, err
	}
	defer func() {
		if err != nil {
			conn.Close()
		}
	}()
	if c.tls != nil {
		conn = tls.Client(conn, c.tls)
	}
	if err = errors.Join(conn.SetDeadline(deadline), exchange(conn, blynk.AppendFrame(nil, blynk.CommandLogin, 1, token))); err != nil {
		return nil, at, err
	}
	at = time.Now()
	info := blynk.AppendFrame(nil, blynk.CommandInfo, 2, "ver", "1.3.2", "h-beat", "600", "buff-in", "1024", "dev", "ESP8266", "fw", "1.0.0")
	if err = errors.Join(exchange(conn, info), conn.SetDeadline(time.Time{})); err != nil {
		return nil, at, err
	}
	return conn, at, nil
}

// exchange sends a request and takes the answer, which must be 200.
func exchange(conn net.Conn, request []byte) error {
	if _, err := conn.Write(request); err != nil {
		return err
	}
	var answer [blynk.HeaderSize]byte
	if _, err := io.ReadFull(conn, answer[:]); err != nil {
		return err
	}
	header := blynk.ParseHeader(answer[:])
	if header.Command != blynk.CommandResponse || header.Status() != blynk.StatusOK {
		return fmt.Errorf("frame %d was answered %v %d", blynk.ParseHeader(request).ID, header.Command, header.Status())
	}
	return nil
}

func (c *crowd) stay(conn net.Conn) {
	_, _ = io.Copy(io.Discard, conn)
	c.lost.Add(1)
}

// crowds are the processes that hold the devices: a process may have only so many
// sockets.
type crowds []*process

// gather gets n devices ready in two processes.
func gather(t testing.TB, s server, greeting hello, n, abreast int) crowds {
	t.Helper()
	order := crowdOrder{Address: s.Plain, CAFile: s.CAFile, Hello: greeting, Count: n / 2, Abreast: abreast / 2}
	if greeting != noTLS {
		order.Address = s.TLS
	}
	all := crowds{spawn(t, "crowd"), spawn(t, "crowd")}
	for i, p := range all {
		if order.First = i * (n / 2); i == 1 {
			order.Count = n - order.First
		}
		p.tell(order)
		p.hear(&struct{}{})
	}
	return all
}

// logIn has all devices log in, and gives their times.
func (all crowds) logIn() (logins crowdLogins) {
	began := time.Now()
	for _, p := range all {
		p.t.Helper()
		p.tell(began)
	}
	for _, p := range all {
		var some crowdLogins
		p.hear(&some)
		logins.After = append(logins.After, some.After...)
		logins.Tries += some.Tries
		logins.Computed += some.Computed
	}
	return logins
}

// check fails the test unless all devices are still there.
func (all crowds) check() {
	for _, p := range all {
		p.t.Helper()
		p.tell(struct{}{})
	}
	for _, p := range all {
		p.hear(&crowdLogins{})
	}
}

func (all crowds) end() {
	for _, p := range all {
		p.end()
	}
}
