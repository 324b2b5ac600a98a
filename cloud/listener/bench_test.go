package listener

import (
	"crypto/tls"
	"io"
	"net"
	"runtime"
	"testing"
)

// BenchmarkAcceptToDevice is from dialling to the device's first byte handed over.
func BenchmarkAcceptToDevice(b *testing.B) {
	f := start(b, func(o *Options) { o.MaxStrangers, o.MaxStrangersPerAddress = 1<<20, 1<<20 })
	config := clientTLS()
	config.CurvePreferences = []tls.CurveID{tls.CurveP256} // as small devices say hello
	for name, connect := range map[string]func() net.Conn{
		"plain": func() net.Conn { return dial(b, f.plainAddr()) },
		"TLS":   func() net.Conn { return dialTLS(b, f.tlsAddr(), config) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				conn := connect()
				if _, err := io.WriteString(conn, login); err != nil {
					b.Fatal(err)
				}
				(<-f.devices).Close()
				conn.Close()
			}
		})
	}
}

// BenchmarkIdle reports what an idle logged-in device costs the listener: heap and
// stack in bytes, with a goroutine that waits to read, as the gateway's does. The
// peer's end is its bare socket, a few hundred of the bytes.
func BenchmarkIdle(b *testing.B) {
	config := clientTLS()
	config.CurvePreferences = []tls.CurveID{tls.CurveP256}
	config.MaxVersion = tls.VersionTLS12
	for _, secured := range []bool{false, true} {
		b.Run(map[bool]string{false: "plain", true: "TLS"}[secured], func(b *testing.B) {
			const devices = 1000
			for b.Loop() {
				b.StopTimer()
				arrived := make(chan struct{})
				f := start(b, func(o *Options) {
					o.MaxStrangersPerAddress = devices
					o.Device = func(conn net.Conn, _ byte) {
						conn.(DeviceConn).LoggedIn()
						arrived <- struct{}{}
						conn.Read(make([]byte, 1))
						conn.Close()
					}
				})
				before := inUse()
				b.StartTimer()
				peers := make([]net.Conn, devices)
				for i := range peers {
					address := f.plainAddr()
					if secured {
						address = f.tlsAddr()
					}
					conn, err := net.Dial("tcp", address)
					if err != nil {
						b.Fatal(err)
					}
					peers[i] = conn
					if secured {
						conn = tls.Client(conn, config)
					}
					if _, err := conn.Write([]byte("\x1d")); err != nil {
						b.Fatal(err)
					}
					<-arrived
				}
				b.StopTimer()
				b.ReportMetric(float64(inUse()-before)/devices, "B/device")
				for _, conn := range peers {
					conn.Close()
				}
				f.end()
				b.StartTimer()
			}
		})
	}
}

// inUse is the bytes of heap and stacks after a collection; the second one frees
// what the first one's finalisers let go, and shrinks stacks.
func inUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
