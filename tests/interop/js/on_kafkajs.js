// KafkaJS does on a broker what a client does: on_kafkajs.js HOST:PORT.

const assert = require('node:assert/strict')
const { Kafka, CompressionTypes, CompressionCodecs, ConfigResourceTypes, logLevel } = require('kafkajs')

CompressionCodecs[CompressionTypes.Snappy] = require('kafkajs-snappy')

// However slow the machine is, what is waited for comes by then.
const LIMIT_MS = 60_000
const kafka = new Kafka({
  brokers: [process.argv[2]],
  logLevel: logLevel.NOTHING,
  retry: { initialRetryTime: 50, retries: 8 },
})
const admin = kafka.admin()

async function until(isTrue, what) {
  const deadline = Date.now() + LIMIT_MS
  let value
  while (!(value = await isTrue())) {
    assert(Date.now() < deadline, `not in time: ${what}`)
    await new Promise((done) => setTimeout(done, 20))
  }
  return value
}

async function topicsAreCreatedDescribedAndAltered() {
  const configEntries = [{ name: 'retention.ms', value: '86400000' }]
  assert(await admin.createTopics({ topics: [{ topic: 'orders', numPartitions: 3, configEntries }] }))
  assert(!(await admin.createTopics({ topics: [{ topic: 'orders' }] })), 'it exists')
  const { topics } = await admin.fetchTopicMetadata({ topics: ['orders'] })
  const partitions = topics[0].partitions.map(({ partitionId, leader, isr }) => [partitionId, leader, isr])
  const { brokers, controller, clusterId } = await admin.describeCluster()
  assert(clusterId && brokers.length === 1)
  assert.deepEqual(partitions.sort(), [0, 1, 2].map((index) => [index, controller, [controller]]))

  const resource = { type: ConfigResourceTypes.TOPIC, name: 'orders' }
  const config = async (name) => {
    const described = await admin.describeConfigs({ resources: [{ ...resource, configNames: [name] }] })
    return described.resources[0].configEntries[0].configValue
  }
  assert.equal(await config('retention.ms'), '86400000')
  await admin.alterConfigs({ resources: [{ ...resource, configEntries: [{ name: 'retention.ms', value: '77' }] }] })
  assert.equal(await config('retention.ms'), '77')
  await admin.createPartitions({ topicPartitions: [{ topic: 'orders', count: 4 }] })
  await until(async () => (await admin.fetchTopicOffsets('orders')).length === 4, 'there are 4 partitions')
}

async function recordsOfEveryCodecComeBackAsTheyWereSent() {
  const codecs = [CompressionTypes.None, CompressionTypes.GZIP, CompressionTypes.Snappy]
  for (const idempotent of [false, true]) {
    const producer = kafka.producer({ idempotent, maxInFlightRequests: 1 })
    await producer.connect()
    for (const compression of codecs) {
      const topic = `codec-${compression}-${idempotent}`
      await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] })
      const sent = [
        { key: 'key', value: 'value', headers: { trace: '1', empty: '' } },
        { key: null, value: 'without a key', headers: {} },
        { key: 'tombstone', value: null, headers: {} },
        { key: '', value: '', headers: {} },
        ...Array.from({ length: 200 }, (_, index) => ({ key: `${index % 7}`, value: `${index}`, headers: {} })),
      ]
      for (const half of [sent.slice(0, 100), sent.slice(100)]) {
        const [answer] = await producer.send({ topic, messages: half, acks: -1, compression })
        assert.equal(answer.errorCode, 0)
      }
      const read = await readAll(topic, sent.length)
      const text = (bytes) => (bytes === null ? null : bytes.toString())
      const shown = read.map(({ key, value, headers }) => ({
        key: text(key),
        value: text(value),
        headers: Object.fromEntries(Object.entries(headers).map(([name, bytes]) => [name, text(bytes)])),
      }))
      assert.deepEqual(shown, sent)
    }
    await producer.disconnect()
  }
}

async function readAll(topic, count) {
  const consumer = kafka.consumer({ groupId: `reader-of-${topic}`, maxWaitTimeInMs: 100 })
  const read = []
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({ eachMessage: async ({ message }) => void read.push(message) })
  await until(() => read.length >= count, `${topic} has ${count} records`)
  await consumer.disconnect()
  return read
}

async function aGroupOfThreeReadsAllOnceWhileOneLeaves() {
  await admin.createTopics({ topics: [{ topic: 'shared', numPartitions: 6 }] })
  const producer = kafka.producer()
  await producer.connect()
  const write = (from, to) => {
    const messages = Array.from({ length: to - from }, (_, index) => ({
      value: `${from + index}`,
      partition: index % 6,
    }))
    return producer.send({ topic: 'shared', messages })
  }
  const read = []
  const member = async () => {
    const consumer = kafka.consumer({
      groupId: 'readers',
      heartbeatInterval: 200,
      sessionTimeout: 30_000,
      maxWaitTimeInMs: 100,
    })
    consumer.count = 0
    await consumer.connect()
    await consumer.subscribe({ topic: 'shared', fromBeginning: true })
    await consumer.run({
      autoCommitThreshold: 1,
      eachMessage: async ({ message }) => {
        consumer.count += 1
        read.push(Number(message.value.toString()))
      },
    })
    return consumer
  }
  const all = async (count) => {
    await until(() => read.length >= count, `${count} records are read`)
    assert.deepEqual([...read].sort((a, b) => a - b), Array.from({ length: count }, (_, index) => index))
  }
  const members = await Promise.all([member(), member(), member()])
  const describe = async () => (await admin.describeGroups(['readers'])).groups[0]
  await until(async () => {
    const { state, members } = await describe()
    return state === 'Stable' && members.length === 3
  }, 'the group has three members')
  await write(0, 300)
  await all(300)
  assert(members.every(({ count }) => count === 100), 'each has two partitions')
  await members[0].disconnect()
  await until(async () => (await describe()).members.length === 2, 'one has left')
  await write(300, 600)
  await all(600)
  await Promise.all(members.slice(1).map((each) => each.disconnect()))
  const committed = await admin.fetchOffsets({ groupId: 'readers', topics: ['shared'] })
  assert.deepEqual(committed[0].partitions.map(({ offset }) => offset), Array(6).fill('100'))
  assert((await admin.listGroups()).groups.some(({ groupId }) => groupId === 'readers'))
  await write(600, 606)
  const again = await member()
  await all(606)
  await again.disconnect()
  await producer.disconnect()
}

async function offsetsAreFoundByTime() {
  const topic = 'timed'
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] })
  const producer = kafka.producer()
  await producer.connect()
  const start = Date.now() - 100_000
  const messages = Array.from({ length: 20 }, (_, n) => ({ value: `${n}`, timestamp: `${start + n * 1000}` }))
  await producer.send({ topic, messages })
  await producer.disconnect()
  const at = async (time) => (await admin.fetchTopicOffsetsByTimestamp(topic, time))[0].offset
  assert.equal(await at(start + 2500), '3')
  assert.equal(await at(start - 1), '0')
  const [{ low, high }] = await admin.fetchTopicOffsets(topic)
  assert.deepEqual([low, high], ['0', '20'])

  const consumer = kafka.consumer({ groupId: 'seeker', maxWaitTimeInMs: 100 })
  const read = []
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({ eachMessage: async ({ message }) => void read.push(message.value.toString()) })
  consumer.seek({ topic, partition: 0, offset: await at(start + 17_000) })
  await until(() => read.slice(-3).join() === '17,18,19', 'it reads from there')
  await consumer.disconnect()
}

async function transactionsAreSeenWholeOrNotAtAll() {
  for (const topic of ['ledger', 'late']) {
    await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] })
  }
  const writer = async (transactionalId, transactionTimeout) => {
    const producer = kafka.producer({ transactionalId, transactionTimeout, idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    return producer
  }
  const begin = async (producer, topic, ...values) => {
    const transaction = await producer.transaction()
    await transaction.send({ topic, messages: values.map((value) => ({ value })) })
    return transaction
  }
  const committed = async (topic, count) => (await readAll(topic, count)).map(({ value }) => value.toString())
  const zombie = await writer('a-writer', 60_000)
  const expected = []
  for (let number = 0; number < 6; number++) {
    const values = [`${number}/0`, `${number}/1`]
    const transaction = await begin(zombie, 'ledger', ...values)
    const partitions = [{ partition: 0, offset: `${number}` }]
    await transaction.sendOffsets({ consumerGroupId: 'movers', topics: [{ topic: 'orders', partitions }] })
    if (number % 2 === 0) {
      await transaction.commit()
      expected.push(...values)
    } else {
      await transaction.abort()
    }
  }
  const [{ partitions }] = await admin.fetchOffsets({ groupId: 'movers', topics: ['orders'] })
  assert.equal(partitions.find(({ partition }) => partition === 0).offset, '4')

  // It takes the id over with its first transaction.
  const successor = await writer('a-writer', 60_000)
  const after = await begin(successor, 'ledger', 'after')
  const tooLate = async () => (await begin(zombie, 'ledger', 'too late')).commit()
  await assert.rejects(tooLate, (error) => /FENCED|INVALID_PRODUCER_EPOCH/.test((error.cause ?? error).type))
  await after.commit()
  assert.deepEqual(await committed('ledger', 7), [...expected, 'after'])

  // One that takes too long is aborted, and holds nobody up for longer.
  const slow = await writer('a-slow-writer', 3_000)
  const aborted = await begin(slow, 'late', 'never')
  const plain = kafka.producer()
  await plain.connect()
  await plain.send({ topic: 'late', messages: [{ value: 'plain' }] })
  assert.deepEqual(await committed('late', 1), ['plain'])
  await assert.rejects(() => aborted.commit())
  const again = await writer('a-slow-writer', 60_000)
  await (await begin(again, 'late', 'in time')).commit()
  await admin.deleteGroups(['reader-of-late'])
  assert.deepEqual(await committed('late', 2), ['plain', 'in time'])
  await Promise.all([zombie, successor, slow, plain, again].map((producer) => producer.disconnect()))
}

async function recordsTopicsAndGroupsAreDeleted() {
  await admin.deleteTopicRecords({ topic: 'timed', partitions: [{ partition: 0, offset: '4' }] })
  assert.equal((await admin.fetchTopicOffsets('timed'))[0].low, '4')
  await admin.deleteGroups(['readers'])
  assert(!(await admin.listGroups()).groups.some(({ groupId }) => groupId === 'readers'))
  await admin.deleteTopics({ topics: ['timed', 'shared'] })
  const gone = async () => !(await admin.listTopics()).some((name) => ['timed', 'shared'].includes(name))
  await until(gone, 'the topics are gone')
}

async function main() {
  await admin.connect()
  for (const scenario of [
    topicsAreCreatedDescribedAndAltered,
    recordsOfEveryCodecComeBackAsTheyWereSent,
    aGroupOfThreeReadsAllOnceWhileOneLeaves,
    offsetsAreFoundByTime,
    transactionsAreSeenWholeOrNotAtAll,
    recordsTopicsAndGroupsAreDeleted,
  ]) {
    const start = Date.now()
    await scenario()
    console.log(`ok ${scenario.name} in ${(Date.now() - start) / 1000} s`)
  }
  await admin.disconnect()
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
