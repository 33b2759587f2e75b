package main

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"crier/conversation"
	"crier/conversation/state"
)

// figures are what /metrics shows.
type figures struct {
	registry   *prometheus.Registry
	messages   *prometheus.CounterVec
	handling   prometheus.Histogram
	deliveries *prometheus.CounterVec
	delivering *prometheus.HistogramVec
	mailboxes  *prometheus.GaugeVec
}

func newFigures() *figures {
	f := &figures{
		registry: prometheus.NewRegistry(),
		messages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "crier_messages_handled_total", Help: "Messages from members that were handled (done) or given up (failed).",
		}, []string{"result"}),
		handling: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "crier_handling_lag_seconds", Help: "Time from a message's arrival until it was handled.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15, 60, 300, 3600},
		}),
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "crier_messages_sent_total", Help: "Attempts to send a message to a member, by channel: sent or failed.",
		}, []string{"channel", "result"}),
		delivering: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "crier_sending_lag_seconds", Help: "Time from a message's queueing until it was sent.",
			Buckets: []float64{.01, .05, .1, .5, 1, 5, 15, 60, 300, 3600, 86400},
		}, []string{"channel"}),
		mailboxes: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "crier_mailbox_up", Help: "1 where this process reads a mailbox, 0 where it tries to and cannot.",
		}, []string{"mailbox"}),
	}
	for _, result := range []string{"done", "failed"} {
		f.messages.WithLabelValues(result)
	}
	f.registry.MustRegister(f.messages, f.handling, f.deliveries, f.delivering, f.mailboxes,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return f
}

func (f *figures) handled(_ conversation.Inbound, lag time.Duration, err error) {
	f.messages.WithLabelValues(result(err, "done")).Inc()
	f.handling.Observe(lag.Seconds())
}

// mailbox shows whether a mailbox can be read.
func (f *figures) mailbox(address string) func(up bool) {
	return func(up bool) {
		n := 0.0
		if up {
			n = 1
		}
		f.mailboxes.WithLabelValues(address).Set(n)
	}
}

func (f *figures) sent(channel string, lag time.Duration, err error) {
	f.deliveries.WithLabelValues(channel, result(err, "sent")).Inc()
	if err == nil {
		f.delivering.WithLabelValues(channel).Observe(lag.Seconds())
	}
}

func result(err error, good string) string {
	if err != nil {
		return "failed"
	}
	return good
}

// watch adds the depth of inbox and outbox.
func (f *figures) watch(j *state.Journey) { f.registry.MustRegister(depths{j}) }

func (f *figures) handler(log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(f.registry, promhttp.HandlerOpts{
		ErrorLog: errorLog{log}, ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: 4, Timeout: 10 * time.Second,
	})
}

type errorLog struct{ log *slog.Logger }

func (e errorLog) Println(v ...any) { e.log.Warn("metrics", "err", v) }

// depths reads how much waits when it is asked, and not before.
type depths struct{ journey *state.Journey }

var (
	inboxDepth  = prometheus.NewDesc("crier_inbox_messages", "Messages from members that wait to be handled.", nil, nil)
	outboxDepth = prometheus.NewDesc("crier_outbox_messages", "Messages to members that wait to be sent.", []string{"channel"}, nil)
)

const depthTimeout = 2 * time.Second

func (d depths) Describe(c chan<- *prometheus.Desc) { c <- inboxDepth; c <- outboxDepth }

func (d depths) Collect(c chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), depthTimeout)
	defer cancel()
	depth, err := d.journey.Depth(ctx)
	if err != nil {
		c <- prometheus.NewInvalidMetric(inboxDepth, err)
		return
	}
	c <- prometheus.MustNewConstMetric(inboxDepth, prometheus.GaugeValue, float64(depth.Inbox))
	for channel, n := range depth.Outbox {
		c <- prometheus.MustNewConstMetric(outboxDepth, prometheus.GaugeValue, float64(n), channel)
	}
}
