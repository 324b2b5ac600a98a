package wizard

import (
	"context"
	"net/http"
	"slices"
)

// report queues what was seen of the device and tells it if the cloud listens.
func (r *run) report(ctx context.Context, report Report) error {
	r.record.Unreported = append(slices.Clone(r.record.Unreported), report)
	if err := r.Memory.SaveRecord(r.record); err != nil {
		return err
	}
	return r.flush(ctx)
}

// flush tells the cloud what it hasn't heard yet. Without the cloud it stays
// for later: [run.watch] goes on trying.
func (r *run) flush(ctx context.Context) error {
	brief, cancel := context.WithTimeout(ctx, r.Timing.Glance)
	defer cancel()
	sent, _ := r.sendReports(brief, r.record.ID, r.record.Unreported)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return r.reported(sent)
}

// sendReports sends reports in order until one can't be, and tells how many
// are done with and why the next one isn't. A report that is refused, as one of
// an attempt that ended meanwhile, is done with too.
func (r *run) sendReports(ctx context.Context, attemptID string, reports []Report) (sent int, err error) {
	for _, report := range reports {
		err := r.Cloud.Report(ctx, attemptID, report)
		if passing(err) || problemStatus(err) == http.StatusUnauthorized {
			return sent, err
		}
		sent++
	}
	return sent, nil
}

// reported takes the first n reports off the queue.
func (r *run) reported(n int) error {
	if n == 0 {
		return nil
	}
	r.record.Unreported = r.record.Unreported[n:]
	return r.Memory.SaveRecord(r.record)
}
