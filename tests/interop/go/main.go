// franz-go does on a broker what a client does: `interop HOST:PORT`.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strconv"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

// However slow the machine is, what is waited for comes by then.
const limit = 60 * time.Second

var codecs = map[string]kgo.CompressionCodec{
	"none":   kgo.NoCompression(),
	"gzip":   kgo.GzipCompression(),
	"snappy": kgo.SnappyCompression(),
	"lz4":    kgo.Lz4Compression(),
	"zstd":   kgo.ZstdCompression(),
}

func main() {
	server := os.Args[1]
	ctx, cancel := context.WithTimeout(context.Background(), 500*time.Second)
	defer cancel()
	client := connect(server)
	defer client.Close()
	admin := kadm.NewClient(client)
	for _, scenario := range []struct {
		name string
		run  func(context.Context, string, *kadm.Client)
	}{
		{"topics are created, described and altered", topics},
		{"records of every codec come back as they were sent", records},
		{"a group of three reads all once while one leaves", groups},
		{"offsets are found by time", offsetsByTime},
		{"transactions are seen whole or not at all", transactions},
		{"offsets are committed with the records that come of them", copies},
		{"records, topics and groups are deleted", deletions},
	} {
		start := time.Now()
		scenario.run(ctx, server, admin)
		fmt.Printf("ok %s in %.1f s\n", scenario.name, time.Since(start).Seconds())
	}
}

func connect(server string, opts ...kgo.Opt) *kgo.Client {
	opts = append(opts, kgo.SeedBrokers(server), kgo.FetchMaxWait(200*time.Millisecond))
	client, err := kgo.NewClient(opts...)
	must(err)
	return client
}

func topics(ctx context.Context, _ string, admin *kadm.Client) {
	retention := "86400000"
	create(ctx, admin, "orders", 3, map[string]*string{"retention.ms": &retention})
	_, err := admin.CreateTopic(ctx, 1, 1, nil, "orders")
	equal(err, error(kerr.TopicAlreadyExists))
	described, err := admin.ListTopics(ctx, "orders")
	must(err)
	metadata, err := admin.BrokerMetadata(ctx)
	must(err)
	for index, partition := range described["orders"].Partitions.Sorted() {
		equal(partition.Partition, int32(index))
		equal(partition.Leader, metadata.Controller)
		equal(partition.ISR, []int32{metadata.Controller})
	}
	config := func() string {
		configs, err := admin.DescribeTopicConfigs(ctx, "orders")
		must(err)
		must(configs[0].Err)
		for _, each := range configs[0].Configs {
			if each.Key == "retention.ms" {
				return each.MaybeValue()
			}
		}
		return ""
	}
	equal(config(), retention)
	changed := "77"
	change := kadm.AlterConfig{Op: kadm.SetConfig, Name: "retention.ms", Value: &changed}
	altered, err := admin.AlterTopicConfigs(ctx, []kadm.AlterConfig{change}, "orders")
	must(err)
	must(altered[0].Err)
	equal(config(), changed)
	grown, err := admin.UpdatePartitions(ctx, 4, "orders")
	must(err)
	must(grown["orders"].Err)
	dirs, err := admin.DescribeAllLogDirs(ctx, nil)
	must(err)
	dirs.Each(func(dir kadm.DescribedLogDir) { must(dir.Err) })
}

func create(ctx context.Context, admin *kadm.Client, name string, count int32, configs map[string]*string) {
	answer, err := admin.CreateTopic(ctx, count, 1, configs, name)
	must(err)
	must(answer.Err)
}

func records(ctx context.Context, server string, admin *kadm.Client) {
	for name, codec := range codecs {
		for _, idempotent := range []bool{true, false} {
			topic := fmt.Sprintf("codec-%s-%t", name, idempotent)
			create(ctx, admin, topic, 1, nil)
			opts := []kgo.Opt{kgo.ProducerBatchCompression(codec), kgo.RecordPartitioner(kgo.ManualPartitioner())}
			if !idempotent {
				opts = append(opts, kgo.DisableIdempotentWrite(), kgo.RequiredAcks(kgo.LeaderAck()))
			}
			producer := connect(server, opts...)
			sent := kinds(topic)
			must(producer.ProduceSync(ctx, sent...).FirstErr())
			producer.Close()
			read := read(ctx, server, topic, kgo.NewOffset().AtStart(), len(sent))
			for index, record := range read {
				equal(record.Offset, int64(index))
				equal(shown(record), shown(sent[index]))
			}
		}
	}
}

// Records with and without keys, values and headers.
func kinds(topic string) []*kgo.Record {
	records := []*kgo.Record{
		{Key: []byte("key"), Value: []byte("value"), Headers: []kgo.RecordHeader{
			{Key: "trace", Value: []byte("1")}, {Key: "trace", Value: []byte("2")}, {Key: "null"},
		}},
		{Value: []byte("without a key")},
		{Key: []byte("tombstone")},
		{Key: []byte{}, Value: []byte{}},
		{Key: []byte("large"), Value: make([]byte, 200_000)},
	}
	for number := 0; number < 200; number++ {
		records = append(records, kgo.KeyStringRecord(strconv.Itoa(number%7), strconv.Itoa(number)))
	}
	start := time.Now().Add(-time.Minute).Truncate(time.Millisecond)
	for index, record := range records {
		record.Topic = topic
		record.Timestamp = start.Add(time.Duration(index) * time.Millisecond)
	}
	return records
}

func shown(record *kgo.Record) string {
	text := fmt.Sprintf("%t %q %t %d", record.Key == nil, record.Key, record.Value == nil, len(record.Value))
	for _, header := range record.Headers {
		text += fmt.Sprintf(" %s=%t%q", header.Key, header.Value == nil, header.Value)
	}
	return text + record.Timestamp.UTC().String()
}

func read(ctx context.Context, server, topic string, from kgo.Offset, count int, opts ...kgo.Opt) []*kgo.Record {
	client := connect(server, append(opts, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(from))...)
	defer client.Close()
	var read []*kgo.Record
	for len(read) < count {
		fetches := client.PollFetches(ctx)
		must(fetches.Err())
		read = append(read, fetches.Records()...)
	}
	equal(len(read), count)
	return read
}

// A member of a group that commits what it has read.
type member struct {
	client *kgo.Client
	done   chan struct{}
	mutex  sync.Mutex
	read   []int
}

func join(ctx context.Context, server string) *member {
	client := connect(server,
		kgo.ConsumerGroup("readers"), kgo.ConsumeTopics("shared"), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.HeartbeatInterval(200*time.Millisecond),
		kgo.BlockRebalanceOnPoll())
	m := &member{client: client, done: make(chan struct{})}
	go func() {
		defer close(m.done)
		for {
			fetches := client.PollFetches(ctx)
			if fetches.IsClientClosed() {
				return
			}
			must(fetches.Err())
			must(client.CommitRecords(ctx, fetches.Records()...))
			m.mutex.Lock()
			for _, record := range fetches.Records() {
				number, err := strconv.Atoi(string(record.Value))
				must(err)
				m.read = append(m.read, number)
			}
			m.mutex.Unlock()
			client.AllowRebalance()
		}
	}()
	return m
}

func (m *member) leave() {
	m.client.CloseAllowingRebalance()
	<-m.done
}

func allOnce(members []*member, count int) {
	read := func() []int {
		var read []int
		for _, m := range members {
			m.mutex.Lock()
			read = append(read, m.read...)
			m.mutex.Unlock()
		}
		return read
	}
	until(func() bool { return len(read()) >= count }, fmt.Sprintf("%d records are read", count))
	numbers := read()
	sort.Ints(numbers)
	for index, number := range numbers {
		equal(number, index)
	}
}

func groups(ctx context.Context, server string, admin *kadm.Client) {
	create(ctx, admin, "shared", 6, nil)
	producer := connect(server, kgo.DefaultProduceTopic("shared"), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	defer producer.Close()
	write := func(from, to int) {
		for number := from; number < to; number++ {
			record := kgo.StringRecord(strconv.Itoa(number))
			record.Partition = int32(number % 6)
			producer.Produce(ctx, record, func(_ *kgo.Record, err error) { must(err) })
		}
		must(producer.Flush(ctx))
	}
	members := []*member{join(ctx, server), join(ctx, server), join(ctx, server)}
	has := func(count int) func() bool {
		return func() bool {
			described, err := admin.DescribeGroups(ctx, "readers")
			must(err)
			group := described["readers"]
			assigned := group.AssignedPartitions()
			return group.State == "Stable" && len(group.Members) == count && len(assigned["shared"]) == 6
		}
	}
	until(has(3), "the group has three members")
	write(0, 300)
	allOnce(members, 300)
	members[0].leave()
	until(has(2), "one has left")
	write(300, 600)
	allOnce(members, 600)
	members[1].leave()
	members[2].leave()
	committed, err := admin.FetchOffsets(ctx, "readers")
	must(err)
	for _, offset := range committed["shared"] {
		equal(offset.At, int64(100))
	}
	listed, err := admin.ListGroups(ctx, "Empty")
	must(err)
	equal(listed["readers"].ProtocolType, "consumer")
	write(600, 606)
	again := join(ctx, server)
	allOnce(append(members, again), 606)
	again.leave()
	lags, err := admin.Lag(ctx, "readers")
	must(err)
	equal(lags["readers"].Lag.Total(), int64(0))
}

func offsetsByTime(ctx context.Context, server string, admin *kadm.Client) {
	create(ctx, admin, "timed", 1, nil)
	producer := connect(server, kgo.DefaultProduceTopic("timed"))
	defer producer.Close()
	start := time.Now().Add(-100 * time.Second).Truncate(time.Second)
	for number := 0; number < 20; number++ {
		record := kgo.StringRecord(strconv.Itoa(number))
		record.Timestamp = start.Add(time.Duration(number) * time.Second)
		must(producer.ProduceSync(ctx, record).FirstErr())
	}
	found, err := admin.ListOffsetsAfterMilli(ctx, start.UnixMilli()+2500, "timed")
	must(err)
	equal(found["timed"][0].Offset, int64(3))
	ends, err := admin.ListEndOffsets(ctx, "timed")
	must(err)
	equal(ends["timed"][0].Offset, int64(20))
	sought := read(ctx, server, "timed", kgo.NewOffset().AfterMilli(start.UnixMilli()+17_000), 3)
	equal(string(sought[0].Value), "17")
}

func transactions(ctx context.Context, server string, admin *kadm.Client) {
	create(ctx, admin, "ledger", 1, nil)
	create(ctx, admin, "late", 1, nil)
	writer := func(id string, timeout time.Duration) *kgo.Client {
		return connect(server, kgo.TransactionalID(id), kgo.TransactionTimeout(timeout))
	}
	begin := func(client *kgo.Client, topic string, values ...string) error {
		must(client.BeginTransaction())
		var records []*kgo.Record
		for _, value := range values {
			records = append(records, &kgo.Record{Topic: topic, Value: []byte(value)})
		}
		return client.ProduceSync(ctx, records...).FirstErr()
	}
	zombie := writer("a-writer", time.Minute)
	defer zombie.Close()
	var expected []string
	for number := 0; number < 6; number++ {
		values := []string{fmt.Sprintf("%d/0", number), fmt.Sprintf("%d/1", number)}
		must(begin(zombie, "ledger", values...))
		must(zombie.EndTransaction(ctx, kgo.TransactionEndTry(number%2 == 0)))
		if number%2 == 0 {
			expected = append(expected, values...)
		}
	}
	successor := writer("a-writer", time.Minute)
	defer successor.Close()
	must(begin(successor, "ledger", "after"))
	err := begin(zombie, "ledger", "too late")
	if err == nil {
		err = zombie.EndTransaction(ctx, kgo.TryCommit)
	}
	if !errors.Is(err, kerr.InvalidProducerEpoch) && !errors.Is(err, kerr.ProducerFenced) {
		panic(fmt.Sprintf("the zombie is told: %v", err))
	}
	must(successor.EndTransaction(ctx, kgo.TryCommit))
	equal(committed(ctx, server, "ledger", 7), append(expected, "after"))

	// One that takes too long is aborted, and holds nobody up for longer.
	slow := writer("a-slow-writer", 3*time.Second)
	defer slow.Close()
	must(begin(slow, "late", "never"))
	plain := connect(server, kgo.DefaultProduceTopic("late"))
	defer plain.Close()
	must(plain.ProduceSync(ctx, kgo.StringRecord("plain")).FirstErr())
	equal(committed(ctx, server, "late", 1), []string{"plain"})
	if slow.EndTransaction(ctx, kgo.TryCommit) == nil {
		panic("what was aborted is committed")
	}
	again := writer("a-slow-writer", time.Minute)
	defer again.Close()
	must(begin(again, "late", "in time"))
	must(again.EndTransaction(ctx, kgo.TryCommit))
	equal(committed(ctx, server, "late", 2), []string{"plain", "in time"})
}

// The first values that a reader of committed records gets.
func committed(ctx context.Context, server, topic string, count int) []string {
	var values []string
	committed := kgo.FetchIsolationLevel(kgo.ReadCommitted())
	for _, record := range read(ctx, server, topic, kgo.NewOffset().AtStart(), count, committed) {
		values = append(values, string(record.Value))
	}
	return values
}

func copies(ctx context.Context, server string, admin *kadm.Client) {
	const count = 300
	create(ctx, admin, "in", 3, nil)
	create(ctx, admin, "out", 1, nil)
	producer := connect(server, kgo.DefaultProduceTopic("in"), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	defer producer.Close()
	for number := 0; number < count; number++ {
		producer.Produce(ctx, kgo.StringRecord(strconv.Itoa(number)), func(_ *kgo.Record, err error) { must(err) })
	}
	must(producer.Flush(ctx))
	session, err := kgo.NewGroupTransactSession(
		kgo.SeedBrokers(server), kgo.TransactionalID("a-copier"), kgo.ConsumerGroup("copiers"), kgo.ConsumeTopics("in"),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.RequireStableFetchOffsets(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.DefaultProduceTopic("out"))
	must(err)
	defer session.Close()
	for round, done := 0, 0; done < count; round++ {
		fetches := session.PollRecords(ctx, 20)
		must(fetches.Err())
		must(session.Begin())
		for _, record := range fetches.Records() {
			session.Produce(ctx, &kgo.Record{Value: record.Value}, func(_ *kgo.Record, err error) { must(err) })
		}
		must(session.Client().Flush(ctx))
		// Every third is given up, and comes again.
		isCommitted, err := session.End(ctx, kgo.TransactionEndTry(round%3 != 2))
		must(err)
		if isCommitted {
			done += fetches.NumRecords()
		}
	}
	offsets, err := admin.FetchOffsets(ctx, "copiers")
	must(err)
	for _, offset := range offsets["in"] {
		equal(offset.At, int64(count/3))
	}
	var numbers []int
	for _, value := range committed(ctx, server, "out", count) {
		number, err := strconv.Atoi(value)
		must(err)
		numbers = append(numbers, number)
	}
	sort.Ints(numbers)
	for index, number := range numbers {
		equal(number, index)
	}
}

func deletions(ctx context.Context, _ string, admin *kadm.Client) {
	var offsets kadm.Offsets
	offsets.Add(kadm.Offset{Topic: "timed", Partition: 0, At: 4})
	_, err := admin.DeleteRecords(ctx, offsets)
	must(err)
	starts, err := admin.ListStartOffsets(ctx, "timed")
	must(err)
	equal(starts["timed"][0].Offset, int64(4))
	deleted, err := admin.DeleteGroups(ctx, "readers")
	must(err)
	must(deleted["readers"].Err)
	gone, err := admin.DeleteTopics(ctx, "timed", "shared")
	must(err)
	must(gone["timed"].Err)
	until(func() bool {
		topics, err := admin.ListTopics(ctx)
		must(err)
		return !topics.Has("timed") && !topics.Has("shared")
	}, "the topics are gone")
}

func until(isTrue func() bool, what string) {
	deadline := time.Now().Add(limit)
	for !isTrue() {
		if time.Now().After(deadline) {
			panic("not in time: " + what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func equal(found, expected any) {
	if !reflect.DeepEqual(found, expected) {
		panic(fmt.Sprintf("%v is not %v", found, expected))
	}
}
